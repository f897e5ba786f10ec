from ner_adv_plugin.data.batching.samplers import UniformSampler


def test_sentences() -> None:
    sizes = {"weibo": 100, "msra": 10_000, "msr": 1}
    assert UniformSampler().sentences_per_epoch(sizes) == {
        "weibo": 3_367,
        "msra": 3_367,
        "msr": 3_367,
    }
    assert UniformSampler(anchor="weibo").sentences_per_epoch(sizes) == dict.fromkeys(sizes, 100)
    # The remainder goes to the first datasets.
    assert UniformSampler(instances_per_epoch=11).sentences_per_epoch(sizes) == {
        "weibo": 4,
        "msra": 4,
        "msr": 3,
    }
