"""Chinese texts of the most frequent errors, by their English texts.

The English text is that of the code that raises the error, with `{name}` for each value. A test
raises every error, so that a changed English text cannot lose its translation unnoticed. A new
entry needs a case there (`tests/common/localisation_test.py`).
"""

from collections.abc import Mapping

# The beginning of the line that the command line prints.
LABEL = "错误："

# English and Chinese. Values have the same names in both; those in `PHRASED` are translated, too.
MESSAGES: Mapping[str, tuple[str, str]] = {
    # Configs.
    "no config": ("no config file at {path}{hint}", "找不到配置文件 {path}{hint}"),
    "jsonnet": ("STATIC ERROR: {place}: {problem}", "配置文件语法错误，位置 {place}：{problem}"),
    "unknown key": (
        "unknown key.{hint} Accepted: {known}.{rest}",
        "未知的键。{hint}可用的键：{known}。{rest}",
    ),
    "unregistered": (
        '"{name}" is not a registered {base}.{hint} Known: {known}. A custom component needs'
        " --include-package.",
        '"{name}" 不是已注册的 {base}。{hint}可用的有：{known}。自定义组件需要 --include-package。',
    ),
    "missing key": ("missing key, required here{expected}", "缺少必需的键{expected}"),
    "not one of": (
        "found {found}, expected one of {known}.{hint}",
        "值为 {found}，应为以下之一：{known}。{hint}",
    ),
    "wrong type": ("expected {expected}, found {found}", "应为 {expected}，实际为 {found}"),
    "no metric": (
        'no metric "{name}".{hint} Known: {known}.',
        '没有名为 "{name}" 的指标。{hint}可用的指标：{known}。',
    ),
    "no dataset": (
        'no dataset "{name}".{hint} Datasets: {known}.',
        '没有名为 "{name}" 的数据集。{hint}数据集：{known}。',
    ),
    "not validated": (
        "found {value}, but there is no labelled validation data: set validation_data_path, or"
        " remove this key",
        "值为 {value}，但没有带标注的验证数据：请设置 validation_data_path，或删除这个键",
    ),
    # Files and folders.
    "no file": ('no such file "{path}".{hint}', '没有文件 "{path}"。{hint}'),
    "no folder": ('no such folder "{path}".{hint}', '没有文件夹 "{path}"。{hint}'),
    "not empty": (
        "{folder} is not empty: --force empties it, `train --recover` resumes its run",
        "文件夹 {folder} 不为空：--force 会清空它，`train --recover` 会继续其中的训练",
    ),
    "a file, no run": (
        "{folder} is not the folder of a run: it is a file. Name the folder of `allennlp train -s"
        " FOLDER`.",
        "{folder} 不是一次训练的文件夹，而是一个文件：请给出 `allennlp train -s FOLDER` 所写的"
        "文件夹。",
    ),
    "no folder of a run": (
        "{folder} is not the folder of a run: there is no such folder",
        "{folder} 不是一次训练的文件夹：没有这个文件夹",
    ),
    "runs inside": (
        "{folder} is not the folder of a run: it has no config.json of one. Name one of those in"
        " it: {folders}",
        "{folder} 不是一次训练的文件夹：其中没有训练的 config.json。请给出其中的一个：{folders}",
    ),
    "not a run": (
        "{folder} is not the folder of a run: it has no config.json of one. Name that of `allennlp"
        " train`.",
        "{folder} 不是一次训练的文件夹：其中没有训练的 config.json。请给出 `allennlp train` 的"
        "文件夹。",
    ),
    "no model kept": (
        "{folder} is a run of a study, of which no model was kept: set keep_models: true in the"
        " study",
        "{folder} 是一次研究中的训练，没有保留模型：请在研究中设置 keep_models: true",
    ),
    "cannot write": ("cannot write {path}: {reason}", "无法写入 {path}：{reason}"),
    "cannot download": ("cannot download {path}: {reason}", "无法下载 {path}：{reason}"),
    # Corpora and inputs.
    "unlabelled": (
        'found {found}, expected labels, as dataset "{dataset}" belongs to task "{task}".{rest} For'
        " text without labels, set head: null in the reader",
        '{found}（没有标注），而数据集 "{dataset}" 属于任务 "{task}"，应有标注。{rest}'
        "如果是无标注文本，请在 reader 中设置 head: null",
    ),
    "no entity": (
        'no entity in the {count} training sentences of head "{head}" ({files}): expected at least'
        ' one. Are all tags "O", or does type_map drop all types?',
        '任务头 "{head}" 的 {count} 句训练数据（{files}）中没有任何实体，至少应有一个。'
        '是否所有标签都是 "O"，或者 type_map 去掉了所有类型？',
    ),
    "overlap": (
        'found {found}, expected spans that do not overlap: head "{head}" ({kind}) cannot represent'
        ' others. Heads that can: {heads}. Or set overlaps: "outermost", "innermost" or "first" in'
        " the reader",
        '发现 {found}，但任务头 "{head}"（{kind}）无法表示重叠的实体。可以表示的任务头：{heads}。'
        '或者在 reader 中设置 overlaps: "outermost"、"innermost" 或 "first"',
    ),
    "encoding": (
        "found {found}, expected {encoding} text{rest}",
        "发现 {found}，应为 {encoding} 编码的文本{rest}",
    ),
    "data": ("found {found}, expected {expected}", "发现 {found}，应为 {expected}"),
    # Archives and encoders.
    "no archive": ("no archive at {path}", "找不到模型归档 {path}"),
    "damaged archive": (
        "{path} is not a valid archive: {reason}",
        "{path} 不是有效的模型归档：{reason}",
    ),
    "no head": (
        '{path} has no head "{head}"; its heads: {known}',
        '{path} 没有任务头 "{head}"；它的任务头：{known}',
    ),
    "encoder": ('cannot load encoder "{name}": {reason}', '无法加载编码器 "{name}"：{reason}'),
    # The machine and the command line.
    "extra": (
        "{user} needs a package that is not installed: pip install {package}",
        "{user} 需要一个尚未安装的软件包：pip install {package}",
    ),
    "gpu": ("GPU {number} is not available", "GPU {number} 不可用"),
    "recover": (
        "--recover: the run started with {old}, but the config now has {new}. {rest}",
        "--recover：训练开始时的值为 {old}，而现在的配置为 {new}。{rest}",
    ),
    "no command": (
        'no command "{name}".{hint} A custom one needs --include-package.',
        '没有命令 "{name}"。{hint}自定义命令需要 --include-package。',
    ),
    "required": ("the following arguments are required: {names}", "缺少必需的参数：{names}"),
    "unrecognized": ("unrecognized arguments: {names}.{hint}", "无法识别的参数：{names}。{hint}"),
    "choice": (
        "argument {name}: invalid choice: {value} (choose from {known})",
        "参数 {name} 的值 {value} 无效，可选：{known}",
    ),
}

# What `{hint}` may be, if there is one.
HINTS: tuple[tuple[str, str], ...] = (
    (' Did you mean "{name}"?', '是否想写 "{name}"？'),
    ('. Did you mean "{name}"?', '。是否想写 "{name}"？'),
    (' There is no folder "{path}".', '没有文件夹 "{path}"。'),
    ('. There is no folder "{path}".', '。没有文件夹 "{path}"。'),
)
# Values that are words, translated as a whole if they are among `PHRASES`.
PHRASED = ("expected", "reason")
PHRASES: tuple[tuple[str, str], ...] = (
    ("a whole number", "整数"),
    ("a number", "数字"),
    ("a string", "字符串"),
    ("true or false", "true 或 false"),
    (": a whole number", "：整数"),
    (": a number", "：数字"),
    (": a string", "：字符串"),
    (": true or false", "：true 或 false"),
    ("there is no such folder", "没有这个文件夹"),
    ("there is no such folder.{rest}", "没有这个文件夹。{rest}"),
    ("not found", "未找到"),
    ("a readable UTF-8 file", "可读取的 UTF-8 文件"),
)
