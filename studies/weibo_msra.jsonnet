// Does MSRA help Weibo? Single, hard sharing, asymmetric and adversarial, equal target epochs.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local arm(name) = { config: 'training_configs/real/' + name + '.jsonnet' };

{
  target: 'weibo',
  baseline: 'single',
  arms: {
    single: arm('weibo_single'),
    hard: arm('weibo_msra_hard'),
    asymmetric: arm('weibo_msra_asymmetric'),
    adversarial: arm('weibo_msra_adv'),
  },
  seeds: 3,
  budget: { type: 'epochs', epochs: 12 },
  executor: { type: 'local', jobs: 2 },
}
