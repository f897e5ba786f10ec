// What are other corpora and raw text worth with few sentences of Weibo? Equal updates on Weibo.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local arm(name) = {
  config: 'training_configs/real/' + name + '.jsonnet',
  overrides: { 'trainer.precision': 'bf16' },
};

{
  target: 'weibo',
  baseline: 'single',
  arms: { single: arm('weibo_single'), best: arm('weibo_best') },
  seeds: 5,
  sizes: [250, 500],
  budget: { type: 'steps', steps: 492 },
  executor: { type: 'local', jobs: 2 },
}
