// Which published recipe is above Weibo alone? Each recipe of training_configs/papers as it stands,
// with as many optimizer steps. Two recipes of He & Sun put Weibo and MSRA on one head, so that Weibo
// has other entity types: their scores are no pairs. wang_2021 has two stages, and a budget sets
// only the last. NER_DATA and NER_ENCODER name the corpora and the encoder.
local names = [
  'article_adv',
  'article_mtl_asymmetric',
  'article_mtl_hard',
  'cao_2018',
  'changpinyo_2018_multi_dec',
  'changpinyo_2018_te_dec',
  'changpinyo_2018_te_enc',
  'chen_2018_gradnorm',
  'dann',
  'datnet_f',
  'datnet_p',
  'devlin_2019',
  'du_2018',
  'he_sun_2017_semi',
  'liang_2021',
  'liu_2017',
  'liu_2019_dwa',
  'long_2018',
  'ma_2018',
  'misra_2016',
  'peng_dredze_2016',
  'shen_2018',
  'tang_2020',
];

{
  target: 'weibo',
  baseline: 'single',
  arms: { [name]: { config: 'training_configs/papers/' + name + '.jsonnet' } for name in ['single'] + names },
  seeds: 5,
  budget: { type: 'steps', steps: 600 },
  executor: { type: 'local', jobs: 2 },
}
