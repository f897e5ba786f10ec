from ner_adv_plugin.data.instance import Instance


def test_length_is_in_characters() -> None:
    assert len(Instance("")) == 0
    assert len(Instance("字😀 \u3000a")) == 5


def test_metadata_is_not_shared() -> None:
    one, other = Instance("甲"), Instance("甲")
    one.metadata["line"] = 3
    assert other.metadata == {} and one != other
