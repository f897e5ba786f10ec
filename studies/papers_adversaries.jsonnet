// Does an adversary help, and which? The recipes with a gradient reversal.
(import 'papers.libsonnet').study([
  'article_adv',
  'cao_2018',
  'dann',
  'datnet_f',
  'datnet_p',
  'liu_2017',
  'long_2018',
  'shen_2018',
])
