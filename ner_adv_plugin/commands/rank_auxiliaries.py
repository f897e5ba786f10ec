"""`allennlp rank-auxiliaries`."""

import argparse
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.logging import log_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study, its folder, and finished studies to learn from."""
    parser.add_argument("study", help="config of the study, as for compare")
    parser.add_argument(
        "-s", "--serialization-dir", help="folder of the study; studies/<name of the config>"
    )
    parser.add_argument("-o", "--overrides", default="", help="Jsonnet merged into the study")
    parser.add_argument(
        "--studies",
        nargs="+",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="finished studies: how far did the evidence agree with their F1?",
    )
    parser.add_argument(
        "--sentences",
        type=int,
        default=500,
        help="at most so many sentences of each corpus are encoded (500)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Rank the source corpora of a study, and write `ranking.json`."""
    from ner_adv_plugin.common.files import write_json
    from ner_adv_plugin.studies.engine import check_folder
    from ner_adv_plugin.studies.ranking import (
        agreement_with,
        print_agreement,
        print_ranking,
        rank_candidates,
        read_finished,
    )
    from ner_adv_plugin.studies.study import checked_arms, load_study

    log_to()
    if arguments.sentences < 2:
        raise UserError(f"--sentences: expected 2 or more, found {arguments.sentences}")
    study = load_study(arguments.study, arguments.overrides)
    jobs = checked_arms(study)
    for job in jobs.values():
        job.check_paths()
    folder = Path(arguments.serialization_dir or Path("studies") / Path(arguments.study).stem)
    check_folder(folder)
    finished = [read_finished(one) for one in arguments.studies]

    ranking = rank_candidates(study.target, jobs, study.baseline, arguments.sentences)
    print_ranking(ranking)
    content = ranking.as_json()
    if finished:
        agreement = agreement_with(finished, arguments.sentences)
        print_agreement(agreement)
        content["agreement"] = agreement.as_json()
    write_json(folder / "ranking.json", content)
