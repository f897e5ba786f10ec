// Do MSRA and an adversary help People's Daily, and how much of it is the leak? As circulated, nearly
// all of its test sentences are in MSRA. Equal target epochs; `small_batches` is People's Daily alone
// with as many updates as the arms with MSRA.
// NER_DATA and NER_ENCODER name the corpora and the encoder, as for training_configs/real.
local arm(name, overrides={}) = {
  config: 'training_configs/real/people_daily_' + name + '.jsonnet',
  overrides: { 'trainer.precision': 'bf16' } + overrides,
};

{
  target: 'people_daily',
  baseline: 'single',
  arms: {
    single: arm('single'),
    small_batches: arm('single', { 'data_loader.scheduler.batch_size': 16 }),
    hard: arm('msra_hard'),
    adversarial: arm('msra_adv'),
    leaked: arm('msra_adv', { 'data_loader.leakage': 'allow' }) + { leaks: true },
  },
  seeds: 5,
  sizes: [1000],
  budget: { type: 'epochs', epochs: 8 },
  executor: { type: 'local', jobs: 2 },
}
