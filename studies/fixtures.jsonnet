// Does transfer help on the fixtures? Three arms, three seeds, a few minutes on two cores.
{
  config: 'training_configs/single.jsonnet',
  target: 'weibo',
  baseline: 'single',
  arms: {
    single: {},
    hard: { config: 'training_configs/hard_sharing.jsonnet' },
    adv: { config: 'training_configs/adv.jsonnet' },
  },
  seeds: 3,
  budget: { type: 'epochs', epochs: 6 },
  executor: { type: 'local', jobs: 2 },
}
