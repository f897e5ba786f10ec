// The first 5,000 sentences of People's Daily with MSRA, sharing the encoder.
// There are 1,500 steps of 16 sentences of each. MSRA sentences that contain a development or test
// sentence are dropped, unless `data_loader.leakage` is changed.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('people_daily', { msra: 1 }, recipe.hard_sharing) + {
  dataset_reader+: { readers+: { people_daily+: { max_instances: 5000 } } },
  validation_dataset_reader: { type: 'multitask', readers: { people_daily: { type: 'people_daily', domain: 'news' } } },
  data_loader+: { sampler: { type: 'uniform', instances_per_epoch: 500 * 32 } },
  trainer+: { num_epochs: 3 },
}
