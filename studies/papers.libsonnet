// Recipes of training_configs/papers against Weibo alone, with the rates that they have. Each sees
// every sentence of Weibo nine times, and as many sentences of each of its other corpora, in
// batches of 32: 360 updates alone, 720 with one other corpus, 1,080 with two. `small_batches` is
// Weibo alone with 720 updates: what is gained over it is not gained by more updates.
// NER_DATA and NER_ENCODER name the corpora and the encoder.
{
  study(recipes): {
    target: 'weibo',
    baseline: 'small_batches',
    arms: {
      [name]: { config: 'training_configs/papers/' + name + '.jsonnet' }
      for name in ['single'] + recipes
    } + {
      small_batches: {
        config: 'training_configs/papers/single.jsonnet',
        overrides: { 'data_loader.scheduler.batch_size': 16 },
      },
    },
    seeds: 5,
    budget: { type: 'epochs', epochs: 9 },
    executor: { type: 'local', jobs: 2 },
  },
}
