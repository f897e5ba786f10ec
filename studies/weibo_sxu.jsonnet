// Do the words of SXU help 250 sentences of Weibo, and does the reversal? The same model of shared and
// private towers with the reversal as published, without it, and as strong as a tenth of the heads'
// gradient. Equal target epochs. With SXU a batch of 32 holds 10 or 11 sentences of Weibo, so that an
// epoch has three times the updates of `single`; in `small_batches` Weibo alone has as many.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local single = 'training_configs/real/weibo_single.jsonnet';
local sxu(reversal={}) = {
  config: 'training_configs/real/weibo_sxu_adv.jsonnet',
  overrides: if reversal == {} then {} else { 'model.objectives.0.reversal': reversal },
};

{
  target: 'weibo',
  baseline: 'small_batches',
  arms: {
    single: { config: single },
    small_batches: { config: single, overrides: { 'data_loader.scheduler.batch_size': 10 } },
    adversarial: sxu(),
    reversal_off: sxu({ type: 'constant', scale: 0.0 }),
    reversal_share: sxu({ type: 'gradient_share', share: 0.1 }),
  },
  seeds: 5,
  sizes: [250],
  budget: { type: 'epochs', epochs: 15 },
  executor: { type: 'local', jobs: 2 },
}
