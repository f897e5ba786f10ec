"""Entity types that Chinese corpora annotate, under their various names.

Names are compared without case, spaces and punctuation. A name below two types is ambiguous.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownType:
    """A type of entities.

    # Parameters

    name : what this package calls it.
    description : what is annotated, in Chinese.
    names : other names of it, in corpora and in descriptions.
    part_of : name of a wider type, which holds these entities in corpora that lack this one.
    """

    name: str
    description: str
    names: tuple[str, ...]
    part_of: str | None = None


KNOWN_TYPES = (
    KnownType(
        "person",
        "人名：真实或虚构的人物的姓名、昵称、网名",
        ("PER", "PERS", "PERSON", "NAME", "PEOPLE", "nr", "人名", "姓名", "人物", "人", "人员"),
    ),
    KnownType(
        "location",
        "地名：国家、省市区、街道、山川河流、海洋等地点和地址",
        ("LOC", "LOCATION", "PLACE", "address", "ADDR", "ns", "地名", "地点", "地址", "位置"),
    ),
    KnownType(
        "gpe",
        "政治实体：有政府的国家、省、市、县等行政区",
        ("GPE", "国家和行政区", "行政区", "地缘政治实体", "政治实体", "国家", "城市"),
        "location",
    ),
    KnownType(
        "facility",
        "设施：楼宇、机场、车站、桥梁、道路等建筑",
        ("FAC", "FACILITY", "设施", "建筑", "建筑物"),
        "location",
    ),
    KnownType(
        "scene",
        "景点：风景名胜、公园、旅游景区",
        ("scene", "景点", "景区", "旅游景点", "风景名胜"),
        "location",
    ),
    KnownType(
        "organization",
        "机构名：公司、政府、学校、医院、协会、球队等组织和团体",
        ("ORG", "ORGANIZATION", "ORGANISATION", "nt", "org_name", "机构", "机构名", "组织", "团体")
        + ("组织机构", "组织名"),
    ),
    KnownType(
        "company",
        "公司：企业、集团、银行等商业机构",
        ("company", "company_name", "COM", "CORP", "公司", "公司名", "企业"),
        "organization",
    ),
    KnownType(
        "government",
        "政府：中央和地方的行政、司法、立法机关",
        ("government", "GOV", "政府", "政府机关", "政府机构"),
        "organization",
    ),
    KnownType(
        "school",
        "学校：大学、中学、小学等教育机构",
        ("school", "university", "学校", "院校", "高校"),
        "organization",
    ),
    KnownType(
        "position",
        "职务：职位、职称、官衔、头衔",
        ("position", "TITLE", "JOB", "职务", "职位", "头衔", "职称"),
    ),
    KnownType("profession", "专业：所学的学科、领域", ("PRO", "major", "专业")),
    KnownType(
        "education", "学历：学位、受教育程度", ("EDU", "education", "degree", "学历", "学位")
    ),
    KnownType("nationality", "国籍", ("CONT", "nationality", "国籍")),
    KnownType("ethnicity", "民族：种族、族裔", ("RACE", "ethnicity", "民族", "种族")),
    KnownType("norp", "群体：民族、宗教、政党或国籍的成员", ("NORP", "群体", "宗教和政治团体")),
    KnownType(
        "work",
        "作品名：书籍、影视、歌曲、游戏等创作的标题",
        ("work", "WORK_OF_ART", "WOA", "作品", "作品名", "文艺作品"),
    ),
    KnownType("book", "书名：小说、杂志、教材等书籍报刊", ("book", "书名", "书籍", "图书"), "work"),
    KnownType(
        "movie",
        "影视名：电影、电视剧、纪录片",
        ("movie", "film", "电影", "电影名", "影视", "影视名"),
        "work",
    ),
    KnownType("song", "歌曲名：歌曲、音乐专辑", ("song", "music", "歌曲", "歌名", "音乐"), "work"),
    KnownType("game", "游戏名：网络游戏、手机游戏、桌游", ("game", "游戏", "游戏名"), "work"),
    KnownType(
        "product",
        "产品名：商品、型号",
        ("product", "product_name", "PROD", "产品", "产品名", "商品"),
    ),
    KnownType("brand", "品牌：商标、牌子", ("brand", "HPPX", "品牌", "品牌名", "商标")),
    KnownType("event", "事件：会议、比赛、战争、灾害、节日", ("EVENT", "EVT", "事件", "活动")),
    KnownType("law", "法律：法规、条约、条例", ("LAW", "法律", "法规", "法律法规")),
    KnownType("language", "语言：语种、方言", ("LANGUAGE", "LANG", "语言", "语种")),
    KnownType("time", "时间：日期和时刻", ("TIME", "TIMEX", "时间", "时间词")),
    KnownType("date", "日期：年、月、日、星期", ("DATE", "日期"), "time"),
    KnownType("clock", "时刻：几点几分", ("CLOCK", "time_of_day", "时刻"), "time"),
    KnownType("number", "数字：数量、金额、百分比、序数", ("NUM", "NUMBER", "数字", "数词")),
    KnownType("money", "金额：货币的数目、价格", ("MONEY", "金额", "货币", "价格"), "number"),
    KnownType("percent", "百分比", ("PERCENT", "百分比", "比例"), "number"),
    KnownType("quantity", "度量：长度、重量、面积等", ("QUANTITY", "度量", "数量"), "number"),
    KnownType("ordinal", "序数：第几", ("ORDINAL", "序数", "序数词"), "number"),
    KnownType("cardinal", "基数：个数", ("CARDINAL", "INTEGER", "基数", "基数词"), "number"),
    KnownType("disease", "疾病：病名、诊断", ("disease", "dis", "疾病", "疾病和诊断", "病名")),
    KnownType("symptom", "症状：临床表现、体征", ("symptom", "sym", "症状", "临床表现")),
    KnownType("drug", "药物：药品、疫苗", ("drug", "dru", "medicine", "药物", "药品")),
    KnownType(
        "body", "身体部位：器官、组织、解剖部位", ("body", "bod", "anatomy", "解剖部位", "身体")
    ),
    KnownType(
        "procedure",
        "医疗程序：手术、治疗、操作",
        ("procedure", "pro", "operation", "surgery", "手术", "医疗程序"),
    ),
    KnownType(
        "test",
        "检查：医学检验项目、影像检查",
        ("test", "ite", "实验室检验", "影像检查", "检查", "检验"),
    ),
    KnownType("equipment", "医疗设备：器械、仪器", ("equipment", "equ", "医疗设备", "器械")),
    KnownType("department", "科室：医院的部门", ("department", "dep", "科室")),
    KnownType("microbe", "微生物：细菌、病毒", ("microbe", "mic", "微生物", "病原体")),
    KnownType("other", "其他专名", ("MISC", "OTHER", "nz", "其他", "其他专名")),
)
