// The first 5,000 sentences of People's Daily alone: 1,500 steps of 16 sentences.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('people_daily', model=recipe.single) + {
  dataset_reader+: { readers+: { people_daily+: { max_instances: 5000 } } },
  validation_dataset_reader: { type: 'multitask', readers: { people_daily: { type: 'people_daily', domain: 'news' } } },
  data_loader+: { scheduler+: { batch_size: 16 }, sampler: { type: 'uniform', instances_per_epoch: 500 * 16 } },
  trainer+: { num_epochs: 3 },
}
