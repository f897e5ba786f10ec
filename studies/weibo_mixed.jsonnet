// Do mixtures with FGM reach the best recipe, which trains in stages? DATNet-P on MSRA, and a task
// embedding at the decoder over MSRA entities and SXU words, with and without FGM. Equal target
// epochs.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local fgm = { type: 'perturbed', attack: { type: 'fgm', epsilon: 0.2, relative: true } };
local paper(name, overrides={}) = {
  config: 'training_configs/papers/' + name + '.jsonnet',
  overrides: overrides,
};

{
  target: 'weibo',
  baseline: 'best',
  arms: {
    best: { config: 'training_configs/real/weibo_best.jsonnet' },
    datnet_p: paper('datnet_p'),
    te_dec: paper('changpinyo_2018_te_dec'),
    te_dec_fgm: paper('changpinyo_2018_te_dec', { 'trainer.step': fgm }),
  },
  seeds: 5,
  budget: { type: 'epochs', epochs: 12 },
  executor: { type: 'local', jobs: 2 },
}
