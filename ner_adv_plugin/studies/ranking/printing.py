"""Rankings as tables of a terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ner_adv_plugin.common.terminal import console
from ner_adv_plugin.studies.ranking.agreement import FEWEST_SOURCES, MEAN_RANK, Agreement
from ner_adv_plugin.studies.ranking.evidence import EVIDENCE, Ranking


def print_ranking(ranking: Ranking) -> None:
    """Print the evidence for every candidate, with ranks in brackets, and the mean rank.

    # Parameters

    ranking : of `rank_candidates`.
    """
    print(f"sources for {ranking.target}, best first; ranks in brackets")
    rows = [
        [
            described.title,
            *(
                _with_rank(ranking.evidence[name][kind], ranking.ranks[name].get(kind))
                for name in ranking.order
            ),
        ]
        for kind, described in EVIDENCE.items()
    ]
    rows.append(["mean rank", *(f"{ranking.mean_ranks[name]:.2f}" for name in ranking.order)])
    heads = [
        name if ranking.kinds[name] == "entities" else f"{name} ({ranking.kinds[name]})"
        for name in ranking.order
    ]
    _print_table(["evidence", *heads], rows)
    if ranking.encoder is None:
        names = [one.title.split(" (")[0] for one in EVIDENCE.values() if one.of_states]
        print(f"No {', '.join(names)}: the baseline's encoder has no pretrained weights.")


def print_agreement(agreement: Agreement) -> None:
    """Print what the sources gave in finished studies, and how far evidence agreed with it.

    # Parameters

    agreement : of `agreement_with`.
    """
    print("\nFinished studies: mean difference in F1 to the baseline, and the rank of the evidence")
    rows = [
        [one.target, one.source, f"{100 * one.difference:+.2f}", f"{-mean_rank:.2f}"]
        for one in sorted(agreement.outcomes, key=lambda one: (one.target, -one.difference))
        for mean_rank in [one.evidence[MEAN_RANK] or 0.0]
    ]
    _print_table(["target", "source", "difference", "mean rank"], rows)
    for name in agreement.skipped:
        print(f"{name} does not add exactly one dataset to the baseline: left out")

    if not agreement.spearman:
        print(
            f"No target has {FEWEST_SOURCES} sources or more: no correlation, as it would say"
            " nothing."
        )
        return
    print("\nRank correlation with the difference, mean over targets; 1 is full agreement")
    rows = []
    for kind, spearman in agreement.spearman.items():
        title = EVIDENCE[kind].title if kind in EVIDENCE else "mean rank"
        kendall = agreement.kendall[kind]
        rows.append(
            [
                title,
                str(len(spearman.by_target)),
                *(f"{one.mean:+.2f}{_shown(one.interval)}" for one in (spearman, kendall)),
            ]
        )
    _print_table(["evidence", "targets", "Spearman", "Kendall"], rows)
    if all(one.interval is None for one in agreement.spearman.values()):
        print("One target only: there is no interval over targets.")


def _with_rank(value: float | None, rank: float | None) -> str:
    if value is None:
        return "-" if rank is None else f"- ({rank:g})"
    shown = f"{value:.0f}" if value == int(value) and value > 2 else f"{value:.3f}"
    return f"{shown} ({rank:g})"


def _shown(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" [{interval[0]:+.2f}, {interval[1]:+.2f}]"


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)
