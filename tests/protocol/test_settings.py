"""What CONF may set, and the digest that tells whether a device has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp import ProtocolError, Reason
from lfcp.constants import DIGEST, SETTING_NAME, SETTING_VALUE, SETTINGS
from lfcp.settings import check_setting, digest
from tests.protocol.vectors import Vector, each_of

VALUES = st.fixed_dictionaries(
    {}, optional={name: st.integers(entry.least, entry.greatest) for name, entry in SETTINGS.items()}
)


@each_of("digests")
def test_a_digest_is_that_of_the_vectors(vector: Vector) -> None:
    assert digest(vector["settings"]) == vector["digest"]


@given(VALUES, st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_in_which_settings_were_given(settings: dict[str, int], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(settings.items())
    random.shuffle(shuffled)
    assert digest(dict(shuffled)) == digest(settings)
    assert len(digest(settings)) == (DIGEST if settings else 1)


@given(VALUES.filter(bool), st.data())
def test_a_digest_changes_with_every_value(settings: dict[str, int], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(settings)))
    other = {**settings, name: settings[name] + 1}
    without = {key: value for key, value in settings.items() if key != name}
    assert len({digest(settings), digest(other), digest(without)}) == 3


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_takes_every_value_within_its_limits(name: str) -> None:
    setting = SETTINGS[name]
    for value in {setting.least, (setting.least + setting.greatest) // 2, setting.greatest}:
        assert check_setting(name, str(value)) == value


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_refuses_every_value_beyond_its_limits(name: str) -> None:
    for value in (SETTINGS[name].least - 1, SETTINGS[name].greatest + 1):
        with pytest.raises(ProtocolError, match=f"{name} is ") as refused:
            check_setting(name, str(value))
        assert refused.value.reason == Reason.BAD_PARAMETER


@pytest.mark.parametrize(
    "value", ["", " 1", "1 ", "+1", "01", "-0", "1.0", "0x1", "1_0", "one", "\u0661", "12345678", "--1"]
)
def test_a_value_is_written_in_one_way_only(value: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        check_setting("interval", value)
    assert refused.value.reason == Reason.BAD_PARAMETER


def test_the_error_for_an_unknown_setting_lists_them() -> None:
    with pytest.raises(ProtocolError, match="framesize, quality") as refused:
        check_setting("frame_size", "1")
    assert refused.value.reason == Reason.BAD_PARAMETER


@pytest.mark.parametrize("name", SETTINGS)
def test_names_and_values_fit_the_parameters_of_conf(name: str) -> None:
    assert len(name) <= SETTING_NAME
    assert max(len(str(SETTINGS[name].least)), len(str(SETTINGS[name].greatest))) <= SETTING_VALUE
