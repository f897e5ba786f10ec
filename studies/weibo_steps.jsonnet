// Does the last stage of the best recipe gain by FGM or R-Drop? Both take about twice the time a
// step. The first stage is that of weibo_best, trained once for each seed. Equal target epochs.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local arm(step={}) = {
  overrides: { 'trainer.precision': 'bf16' } + if step == {} then {} else { 'stages.1.trainer.step': step },
};

{
  target: 'weibo',
  baseline: 'best',
  config: 'training_configs/real/weibo_best.jsonnet',
  arms: {
    best: arm(),
    fgm: arm({ type: 'perturbed', attack: { type: 'fgm', epsilon: 0.2, relative: true } }),
    r_drop: arm({ type: 'r_drop', weight: 0.5 }),
  },
  seeds: 5,
  budget: { type: 'epochs', epochs: 12 },
  executor: { type: 'local', jobs: 2 },
}
