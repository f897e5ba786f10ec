"""Names of datasets in settings."""

from collections.abc import Collection

from ner_adv_plugin.common.errors import ConfigurationError, nearest


def check_dataset(name: str, datasets: Collection[str], path: str) -> None:
    """`ConfigurationError` where a setting names no dataset.

    # Parameters

    name : what stands there.
    datasets : those of the run.
    path : where in the config.
    """
    if name not in datasets:
        hint = nearest(name, datasets)
        raise ConfigurationError(
            f'no dataset "{name}".{hint} Datasets: {", ".join(datasets)}.', path
        )


def check_one_each(given: Collection[str], datasets: Collection[str], path: str) -> None:
    """`ConfigurationError` unless a setting says something of every dataset, and of nothing else.

    # Parameters

    given : the names that it has.
    datasets : those of the run.
    path : where in the config.
    """
    for name in given:
        check_dataset(name, datasets, f"{path}.{name}")
    for name in datasets:
        if name not in given:
            known = ", ".join(datasets)
            raise ConfigurationError(
                f"missing key: every dataset has one here, {known}", f"{path}.{name}"
            )
