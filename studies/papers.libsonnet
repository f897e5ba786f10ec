// Recipes of training_configs/papers against Weibo alone, with the rates that they have. Each sees
// every sentence of Weibo nine times, and as many sentences of each of its other corpora.
// NER_DATA and NER_ENCODER name the corpora and the encoder.
{
  study(recipes): {
    target: 'weibo',
    baseline: 'single',
    arms: {
      [name]: { config: 'training_configs/papers/' + name + '.jsonnet' }
      for name in ['single'] + recipes
    },
    seeds: 5,
    budget: { type: 'epochs', epochs: 9 },
    executor: { type: 'local', jobs: 2 },
  },
}
