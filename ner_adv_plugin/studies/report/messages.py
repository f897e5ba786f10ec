"""All words of the HTML pages, in English and Chinese."""

from markupsafe import Markup, escape

LANGUAGES = ("en", "zh")

MESSAGES: dict[str, tuple[str, str]] = {
    # Title, toggles, top of the page.
    "title": ("Did transfer help? {target}", "迁移学习有帮助吗？{target}"),
    "errors_title": ("Errors of {a} and {b}", "{a} 与 {b} 的错误分析"),
    "theme": ("Light / dark", "浅色 / 深色"),
    "scored_on": (
        "F1 of {metric} on the {split} of {target}, {sentences} sentences, {seeds} seeds.",
        "{target} {split}（{sentences} 句），{metric}，{seeds} 个随机种子。",
    ),
    "split_test": ("test set", "测试集"),
    "split_validation": ("validation set", "验证集"),
    "metric_all": ("all entities", "全部实体的 F1"),
    "metric_type": ("entities of type {type}", "{type} 类实体的 F1"),
    # The verdict.
    "verdict_start": ("Compared with {baseline}, ", "与 {baseline} 相比，"),
    "verdict_helped": ("{arm} helped", "{arm} 有帮助"),
    "verdict_hurt": ("{arm} hurt", "{arm} 有损害"),
    "verdict_undecided": ("it is undecided whether {arm} helped", "{arm} 是否有帮助尚无定论"),
    "verdict_leaked": (
        "{arm} trained on sentences by which it is scored",
        "{arm} 的训练数据包含用来评测的句子",
    ),
    "verdict_helped_in": (
        "{arm} helped in {count} of {total} comparisons",
        "{arm} 在 {total} 项比较中的 {count} 项有帮助",
    ),
    "verdict_hurt_in": (
        "{arm} hurt in {count} of {total} comparisons",
        "{arm} 在 {total} 项比较中的 {count} 项有损害",
    ),
    "verdict_undecided_in": (
        "{arm} is undecided in {count} of {total} comparisons",
        "{arm} 在 {total} 项比较中的 {count} 项尚无定论",
    ),
    "listed": ("{first}, {second}", "{first}、{second}"),
    "last_listed": ("{first} and {second}", "{first}、{second}"),
    "separator": ("; ", "；"),
    "colon": (": ", "："),
    "full_stop": (".", "。"),
    "no_comparison": (
        "No two arms finished with the same seed: there is nothing to compare.",
        "没有两个方案以相同的种子完成训练，无法比较。",
    ),
    "helped": ("helped", "有帮助"),
    "hurt": ("hurt", "有损害"),
    "undecided": ("undecided", "尚无定论"),
    "leaked": ("leaked", "数据泄漏"),
    "one_budget": (
        "The verdict holds for equal {budget} only; no other budget was run.",
        "该结论仅适用于{budget}相同的情形；未运行其他预算。",
    ),
    "budget_epochs": ("epochs over the target", "目标数据轮数"),
    "budget_steps": ("optimizer steps", "优化步数"),
    "budget_updates": ("updates of the target", "目标数据更新次数"),
    "budget_seconds": ("seconds", "训练时间"),
    "family": (
        "{sentences} training sentences of the target, equal {budget}",
        "目标数据 {sentences} 句训练数据，{budget}相同",
    ),
    "equal_budget": ("Equal {budget}", "{budget}相同"),
    "failed": (
        "{count} of {total} runs did not finish: {names}. A seed that an arm lacks is left out"
        " for all arms.",
        "{total} 次运行中有 {count} 次未完成：{names}。任一方案缺少的种子，对所有方案都不计入。",
    ),
    # Forest plot.
    "differences": ("Differences from the baseline", "与基线的差异"),
    "forest_caption": (
        "Difference in F1 points from {baseline}: mean over seeds (dot) with its 95 % interval over"
        " seeds and sentences (line); small ticks are the single seeds. Right of 0 is better.",
        "与 {baseline} 的 F1 差值（百分点）：圆点为各种子的平均值，横线为同时考虑种子与句子的 95 %"
        " 区间，短竖线为单个种子。0 的右侧表示更好。",
    ),
    "forest_label": ("Forest plot of differences in F1", "F1 差值森林图"),
    # Learning curves.
    "curves": ("Learning curves", "学习曲线"),
    "curves_caption": (
        "F1 by training sentences of the target (logarithmic axis), equal {budget}: mean over"
        " seeds, and a band from the lowest to the highest seed.",
        "F1 随目标训练句数的变化（对数坐标），{budget}相同：线为各种子平均值，"
        "色带为最低到最高的种子。",
    ),
    "curves_label": ("Learning curves", "学习曲线图"),
    "label_worth": ("Label worth", "标注价值"),
    "label_worth_caption": (
        "How many target sentences the baseline needs to score as the arm does, with the 95 %"
        " interval over seeds. Beyond the sizes of the study nothing is extrapolated.",
        "基线要达到该方案的得分需要多少目标训练句，以及基于种子的 95 % 区间。"
        "不外推到研究的句数范围之外。",
    ),
    "sentences_of_arm": ("sentences", "句数"),
    "sentences_of_baseline": ("baseline needs", "基线需要"),
    "factor": ("factor", "倍数"),
    "more_than": ("more than {count}", "多于 {count}"),
    "fewer_than": ("fewer than {count}", "少于 {count}"),
    "to": ("to", "至"),
    # Table of arms.
    "arms": ("Arms", "各方案"),
    "arms_caption": (
        "F1 in points; the mean over seeds is the headline, the best seed is not reported. p is the"
        " largest of the p-values below, corrected by Holm over the arms of one table. Undecided"
        " does not mean equal. The vote is what more than half of an arm's runs predict, one score"
        " without an interval. CPU minutes are those of one run, on all CPUs together.",
        "F1 以百分点计；以种子平均值为准，不报告最佳种子。p 取下列各 p 值中最大者，"
        "并在同一表的各方案间做 Holm 校正。“尚无定论”不等于“没有差异”。"
        "“投票”取同一方案中过半数运行都预测的实体，只有一个得分，没有区间。"
        "CPU 分钟是一次运行在所有 CPU 上的总和。",
    ),
    "arm": ("arm", "方案"),
    "baseline": ("baseline", "基线"),
    "mean_f1": ("mean F1", "平均 F1"),
    "vote": ("vote of all seeds", "各种子投票"),
    "target_updates": ("updates of {target}", "{target} 更新次数"),
    "unequal_updates": (
        "The arms do not train on {target} equally often: {baseline} makes {count} updates, {arms}."
        " More updates alone can raise F1. See whether a difference also holds for equal updates,"
        " or for a baseline with smaller batches.",
        "各方案在 {target} 上的更新次数不同：{baseline} 为 {count} 次，{arms}。"
        "仅更新次数增多也可能提高 F1。请查看在更新次数相同时，或基线使用更小批次时，"
        "差异是否仍然存在。",
    ),
    "arm_updates": ("{arm} {count}", "{arm} {count} 次"),
    "cpu_minutes": ("CPU minutes", "CPU 分钟"),
    "seed": ("seed {seed}", "种子 {seed}"),
    "difference": ("difference", "差值"),
    "interval": ("95 % interval", "95 % 区间"),
    "verdict": ("verdict", "结论"),
    "p": ("p", "p"),
    "p_holm": ("p after Holm", "Holm 校正后 p"),
    "statistics": ("Statistics", "统计检验"),
    "statistics_caption": (
        "Two questions: would other seeds show it (unit: the seed), and would other sentences"
        " (unit: the sentence)? A verdict needs both.",
        "两个问题：换一组种子还成立吗（单位：种子）？换一批句子还成立吗（单位：句子）？两者皆成立才有结论。",
    ),
    "seeds_interval": ("interval over seeds", "种子区间"),
    "sentences_interval": ("interval over sentences", "句子区间"),
    "p_seeds": ("p, seeds", "p（种子）"),
    "p_sign_flip": ("p, sign flip", "p（符号翻转）"),
    "p_sentences": ("p, sentences", "p（句子）"),
    "p_both": ("p, both", "p（两者）"),
    "detectable": ("detectable difference", "可检出差值"),
    "seeds_for_a_point": ("seeds for 1 point", "检出 1 个百分点所需种子数"),
    "detectable_caption": (
        "Detectable difference: the smallest that so many seeds show with a power of 0.8. Seeds for"
        " 1 point: how many would show a difference of 1 point.",
        "可检出差值：以这么多种子、0.8 的检验功效所能检出的最小差值。"
        "所需种子数：检出 1 个百分点差值所需的种子数。",
    ),
    "sign_flip_floor": (
        "With {seeds} seeds the sign-flip p cannot go below {floor}.",
        "使用 {seeds} 个种子时，符号翻转检验的 p 值不可能低于 {floor}。",
    ),
    "one_seed": (
        "One seed says nothing about other seeds: its intervals are infinite.",
        "单个种子无法说明其他种子的情况：其区间为无穷。",
    ),
    "undefined": ("undefined", "无定义"),
    "undefined_note": (
        "Undefined: nothing gold and nothing predicted, or nothing to divide by.",
        "无定义：既没有标注也没有预测，或分母为零。",
    ),
    "over_a_thousand": ("over 1,000", "超过 1,000"),
    "unknown": ("unknown", "未知"),
    # Errors.
    "errors": ("What changed", "有哪些变化"),
    "errors_of": ("{arm} against {baseline}", "{arm} 对比 {baseline}"),
    "errors_caption": (
        "Counts and scores are means over seeds, for {family}.",
        "数目与得分均为各种子的平均值，对应：{family}。",
    ),
    "classes": ("Error classes", "错误类别"),
    "class": ("class", "类别"),
    "change": ("change", "变化"),
    "class_correct": ("correct", "正确"),
    "class_type": ("type: right span, wrong type", "类型错误：边界正确、类型错误"),
    "class_boundary": (
        "boundary: right type, overlapping span",
        "边界错误：类型正确、边界部分重叠",
    ),
    "class_both": ("both: overlapping span, wrong type", "两者皆错：边界部分重叠、类型错误"),
    "class_missing": ("missing", "漏检"),
    "class_spurious": ("spurious", "误检"),
    "groups": ("Scores by group", "分组得分"),
    "group": ("group", "分组"),
    "gold": ("gold", "标注数"),
    "by_all": ("All entities", "全部实体"),
    "by_type": ("By type", "按类型"),
    "by_entity_length": ("By length of the entity, in characters", "按实体长度（字符）"),
    "by_sentence_length": ("By length of the sentence, in characters", "按句子长度（字符）"),
    "by_seen": (
        "By whether the entity stands in the target's training sentences",
        "按实体是否出现在目标训练数据中",
    ),
    "by_similarity": (
        "By similarity of the sentence to the source (terciles of shared character bigrams)",
        "按句子与源数据的相似度（共有字符二元组，三等分）",
    ),
    "group_all": ("all", "全部"),
    "group_seen": ("seen", "出现过"),
    "group_unseen": ("unseen", "未出现"),
    "group_low": ("least similar", "最不相似"),
    "group_middle": ("middle", "居中"),
    "group_high": ("most similar", "最相似"),
    "group_word": ("words", "词"),
    "no_training_side": (
        "Training data not read: no groups by entities seen and by similarity to the source.",
        "未读取训练数据：没有“是否出现过”与“与源数据相似度”的分组。",
    ),
    "lists": ("Entities that only one arm predicts", "仅一个方案预测出的实体"),
    "lists_caption": (
        "Predicted by most runs of one arm and by at most half of the other's. Votes are runs that"
        " predict it; scores are the models' mean confidence.",
        "一个方案的多数运行预测出、另一方案至多半数运行预测出的实体。票数为预测出该实体的运行数；"
        "得分为模型的平均置信度。",
    ),
    "only_right": ("Right, found by {arm} only", "仅 {arm} 正确找到"),
    "only_wrong": ("Wrong, predicted by {arm} only", "仅 {arm} 误报"),
    "votes": ("{votes} of {runs}", "{votes}/{runs}"),
    "score": ("score {score}", "得分 {score}"),
    "instead": ("instead: {entity}", "另一方案预测为：{entity}"),
    "shown_of": ("The first {shown} of {count}.", "仅显示 {count} 个中的前 {shown} 个。"),
    "none": ("none", "无"),
    "errors_of_one": (
        "They are those of the largest size of the first budget only.",
        "仅限第一种预算下最大的句数。",
    ),
    "tuned": ("Tuned values", "调优的取值"),
    "tuned_caption": (
        "The best values of each arm on the validation set; all arms had equally many trials."
        " Importance: the share of the metric's variance that a value explains; with fewer than ten"
        " finished trials it is unknown.",
        "各方案在验证集上的最佳取值；所有方案的试验次数相同。"
        "重要性：该取值所解释的指标方差的比例；完成的试验少于十次时未知。",
    ),
    "trials": ("trials", "试验次数"),
    "tuned_value": ("value", "取值"),
    "importance": ("importance", "重要性"),
    # Several targets.
    "matrix": ("Transfer matrix", "迁移矩阵"),
    "matrix_caption": (
        "Difference in F1 points from the target's baseline, with its 95 % interval over seeds and"
        " sentences. ▲ helped, ▼ hurt, ○ undecided; –: the target has no such arm besides its"
        " baseline, or too few of its runs finished. Each target is a study of its own: p-values"
        " are corrected over the arms of a target, not over targets.",
        "与各目标基线的 F1 差值（百分点），以及同时考虑种子与句子的 95 % 区间。▲ 有帮助，▼ 有损害，"
        "○ 尚无定论；–：该目标除基线外没有此方案，或完成的运行过少。每个目标是一项独立的研究："
        "p 值仅在同一目标的各方案间校正，不在目标之间校正。",
    ),
    "matrix_size": (
        "{size} training sentences of each target, equal {budget}",
        "每个目标 {size} 句训练数据，{budget}相同",
    ),
    "matrix_all": (
        "All training sentences of each target, equal {budget}",
        "每个目标的全部训练数据，{budget}相同",
    ),
    "targets": ("Targets", "目标数据"),
    "target": ("target", "目标"),
    "report_of": ("Report of {target}", "{target} 的报告"),
    # Reproduction.
    "configs": ("Configs", "配置"),
    "configs_caption": (
        "What differs from the config of {baseline}, before seeds, sizes and budgets.",
        "与 {baseline} 配置的差异（不含种子、句数与预算）。",
    ),
    "no_differences": ("no differences", "无差异"),
    "key": ("key", "键"),
    "whole_config": ("The whole config of {baseline}", "{baseline} 的完整配置"),
    "command": ("Run it again", "重新运行"),
    "audit": ("Data audit", "数据审查"),
    "audit_caption": (
        "Sentences by dataset. Left out: training sentences that hold a validation or test"
        " sentence. No test sentence stands in any arm's training data.",
        "各数据集的句数。“剔除”指包含验证或测试句子的训练句。任何方案的训练数据中都不含测试句子。",
    ),
    "dataset": ("dataset", "数据集"),
    "train": ("training", "训练"),
    "validation": ("validation", "验证"),
    "test": ("test", "测试"),
    "left_out": ("left out", "剔除"),
    "runs": ("All runs", "全部运行"),
    "runs_caption": ("As in results.csv; scores as fractions.", "同 results.csv；得分为小数。"),
    "versions": ("Versions", "版本"),
    "written": ("Written on {date}.", "生成于 {date}。"),
}


def text(language: str, key: str, /, **values: object) -> str:
    """Return a message in one language."""
    return MESSAGES[key][LANGUAGES.index(language)].format(**values)


def both(key: str, /, **values: object) -> Markup:
    """Return a message in all languages, as HTML of which the page shows one.

    # Parameters

    key : of the message.
    values : of its placeholders; escaped, but for other messages in both languages.
    """
    return joined_languages(
        {
            language: Markup(escape(MESSAGES[key][index])).format(
                **{name: in_language(value, language) for name, value in values.items()}
            )
            for index, language in enumerate(LANGUAGES)
        }
    )


def joined_languages(texts: dict[str, Markup]) -> Markup:
    """Return HTML that holds a text in all languages."""
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return Markup("").join(
        Markup('<span lang="{}">{}</span>').format(language, content)
        for language, content in texts.items()
    )


class Message:
    """A message that is a value of another one, and is shown in that one's language.

    # Parameters

    key, values : see `text`.
    """

    def __init__(self, key: str, /, **values: object) -> None:
        self.key = key
        self.values = values


def in_language(value: object, language: str) -> str:
    """Return a value of a message as it is shown in a language."""
    if not isinstance(value, Message):
        return str(value)
    values = {name: in_language(one, language) for name, one in value.values.items()}
    return text(language, value.key, **values)
