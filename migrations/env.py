"""Where alembic begins: it works on the connection, and in the transaction, of alarmd/storage/upgrade.py.

A revision is written by hand, in versions/, and never imports the program's tables: it must still mean the same when
they have changed. tests/storage/test_migrations.py compares the outcome with them on SQLite and PostgreSQL.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
