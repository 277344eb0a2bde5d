"""`python -m alarmd` is `alarmd`."""

from alarmd.cli.main import main

main()
