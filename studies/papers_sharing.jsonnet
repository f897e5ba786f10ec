// Which layers do Weibo and its sources share? The recipes without an adversary.
(import 'papers.libsonnet').study([
  'article_mtl_asymmetric',
  'article_mtl_hard',
  'changpinyo_2018_multi_dec',
  'changpinyo_2018_te_dec',
  'changpinyo_2018_te_enc',
  'ma_2018',
  'misra_2016',
  'peng_dredze_2016',
  'tang_2020',
])
