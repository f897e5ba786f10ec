// Why does PLE lose to Weibo alone? The recipe, and the same with one level of experts in place of
// two (the CGC of the paper). Equal target epochs, as in the studies of papers.
// NER_DATA and NER_ENCODER name the corpora and the encoder.
local recipe = 'training_configs/papers/tang_2020.jsonnet';

{
  target: 'weibo',
  baseline: 'two_levels',
  arms: {
    two_levels: { config: recipe },
    one_level: { config: recipe, overrides: { 'model.num_levels': 1 } },
  },
  seeds: 5,
  budget: { type: 'epochs', epochs: 9 },
  executor: { type: 'local', jobs: 2 },
}
