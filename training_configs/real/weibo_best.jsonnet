// First MSRA entities, SXU words and a masked language model of reviews, on one encoder; then Weibo
// with the encoder and the tower of the entities and words.
local recipe = import '../lib/recipe.libsonnet';
local sources = ['msra', 'sxu', 'reviews'];
local config = recipe.config('weibo', { [name]: 1 for name in sources }, recipe.hard_sharing, test=false)
               + recipe.few_sentences
               + recipe.staged('weibo', sources, 1);
local text = { type: 'masked_lm', segmenter: 'jieba', reads: ['encoder'] };
config {
  dataset_reader+: { readers+: { reviews+: { head: 'reviews', max_instances: 14000 } } },
  model+: { heads: { reviews: text } },
  stages: [
    super.stages[0] {
      data_loader+: { scheduler: { type: 'roundrobin', batch_size: 64 }, sampler+: { instances_per_epoch: 46000 } },
    },
    super.stages[1],
  ],
}
