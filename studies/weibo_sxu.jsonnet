// Do the words of SXU help Weibo, and does the reversal? The same model of shared and private towers
// with the reversal as published, without it, and as strong as a tenth of the heads' gradient. Equal
// target epochs.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local arm(name, overrides={}) = {
  config: 'training_configs/real/weibo_' + name + '.jsonnet',
  overrides: { 'trainer.precision': 'bf16' } + overrides,
};
local reversal(settings) = { 'model.objectives.0.reversal': settings };

{
  target: 'weibo',
  baseline: 'single',
  arms: {
    single: arm('single'),
    hard: arm('sxu_hard'),
    asymmetric: arm('sxu_asymmetric'),
    adversarial: arm('sxu_adv'),
    reversal_off: arm('sxu_adv', reversal({ type: 'constant', scale: 0.0 })),
    reversal_share: arm('sxu_adv', reversal({ type: 'gradient_share', share: 0.1 })),
  },
  seeds: 5,
  budget: { type: 'epochs', epochs: 12 },
  executor: { type: 'local', jobs: 2 },
}
