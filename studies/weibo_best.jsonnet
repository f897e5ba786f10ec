// What do stages add? Weibo alone, MSRA first, and MSRA, SXU words and raw text first. Equal target
// epochs.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local arm(name) = {
  config: 'training_configs/real/' + name + '.jsonnet',
  overrides: { 'trainer.precision': 'bf16' },
};

{
  target: 'weibo',
  baseline: 'single',
  arms: {
    single: arm('weibo_single'),
    staged: arm('weibo_msra_staged'),
    best: arm('weibo_best'),
  },
  seeds: 5,
  budget: { type: 'epochs', epochs: 12 },
  executor: { type: 'local', jobs: 2 },
}
