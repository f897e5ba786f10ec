// What are other corpora and raw text worth with 250 sentences of Weibo, and with all? Equal updates
// on Weibo.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local arm(name, overrides={}) = {
  config: 'training_configs/real/' + name + '.jsonnet',
  overrides: { 'trainer.precision': 'bf16' } + overrides,
};

{
  target: 'weibo',
  baseline: 'single',
  arms: {
    // With the head of `weibo_best`, which is better than a CRF for both.
    single: arm('weibo_single', { 'model.head': { type: 'global_pointer', dropout: 0.2 } }),
    best: arm('weibo_best'),
  },
  seeds: 5,
  sizes: [250, null],
  budget: { type: 'steps', steps: 492 },
  executor: { type: 'local', jobs: 2 },
}
