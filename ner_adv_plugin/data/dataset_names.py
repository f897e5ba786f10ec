"""Checks of dataset names in settings."""

from collections.abc import Collection

from ner_adv_plugin.common.errors import ConfigurationError, nearest


def check_dataset(name: str, datasets: Collection[str], path: str) -> None:
    """Check that a setting names a dataset of the run.

    # Parameters

    name : the name found in the config.
    datasets : names of the run's datasets.
    path : config path of the name.

    # Raises

    ConfigurationError : if there is no such dataset.
    """
    if name not in datasets:
        hint = nearest(name, datasets)
        raise ConfigurationError(
            f'no dataset "{name}".{hint} Datasets: {", ".join(datasets)}.', path
        )


def check_one_each(names: Collection[str], datasets: Collection[str], path: str) -> None:
    """Check that a setting has exactly one entry for every dataset of the run.

    # Parameters

    names : the dataset names that the setting has entries for.
    datasets : names of the run's datasets.
    path : config path of the setting.

    # Raises

    ConfigurationError : if an entry names no dataset, or a dataset has no entry.
    """
    for name in names:
        check_dataset(name, datasets, f"{path}.{name}")

    for name in datasets:
        if name not in names:
            known = ", ".join(datasets)
            raise ConfigurationError(
                f"missing key: expected one per dataset ({known})", f"{path}.{name}"
            )
