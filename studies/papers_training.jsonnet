// How are several losses, or text without labels, trained on? Two recipes of He & Sun put Weibo and
// MSRA on one head, so that Weibo has other entity types: their scores are no pairs. wang_2021 has two
// stages, of which the budget sets the last.
(import 'papers.libsonnet').study([
  'chen_2018_gradnorm',
  'devlin_2019',
  'du_2018',
  'he_sun_2017_semi',
  'liang_2021',
  'liu_2019_dwa',
  'wang_2021',
])
