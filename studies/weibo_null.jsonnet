// A study of the statistics: the same arm under two names must come out undecided.
local weibo_msra = import 'weibo_msra.jsonnet';
local single = weibo_msra.arms.single;

weibo_msra {
  arms: {
    single: single,
    // Patience beyond the last epoch changes nothing.
    same: single { overrides: { 'trainer.patience': 1000 } },
  },
  seeds: 5,
}
