// MSRA with SXU words: shared and private towers, adversarial over domains.
// Both are news, but each is a domain of its own here, as in Cao et al. 2018.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('msra', { sxu: 0.35 }, recipe.adversarial(), validate=false) + {
  dataset_reader+: { readers+: { msra+: { domain: 'msra' }, sxu+: { domain: 'sxu' } } },
  trainer+: { num_epochs: 3 },
}
