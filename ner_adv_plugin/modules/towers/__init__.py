"""Towers: sequence encoders on top of the encoder or of other towers."""

from ner_adv_plugin.modules.towers.combination import Combination, CrossStitch, GatedMixture
from ner_adv_plugin.modules.towers.joint_lstms import run_together
from ner_adv_plugin.modules.towers.residual import Residual
from ner_adv_plugin.modules.towers.self_attention import SelfAttention
from ner_adv_plugin.modules.towers.task_embedding import TaskEmbedding
from ner_adv_plugin.modules.towers.task_token import TaskToken
from ner_adv_plugin.modules.towers.tower import (
    LazyTower,
    TaskTower,
    TowerStates,
    build_tower,
    default_tower,
    run_tower,
)

__all__ = [
    "Combination",
    "CrossStitch",
    "GatedMixture",
    "LazyTower",
    "Residual",
    "SelfAttention",
    "TaskEmbedding",
    "TaskToken",
    "TaskTower",
    "TowerStates",
    "build_tower",
    "default_tower",
    "run_together",
    "run_tower",
]
