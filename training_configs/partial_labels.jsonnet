// Weibo and MSRA on one head, although they annotate different types.
// MSRA does not annotate nominal mentions such as "teacher". An O of MSRA may therefore be a
// nominal mention: MSRA trains the head on names only. Its scores, if computed, count names only.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1 }, recipe.hard_sharing) + recipe.small + recipe.one_head + {
  dataset_reader+: { readers+: { msra+: { annotated_types: ['PER', 'LOC', 'ORG'] } } },
}
