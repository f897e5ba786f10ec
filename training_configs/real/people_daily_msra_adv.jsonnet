// People's Daily with MSRA: shared and private towers, adversarial over the corpora, which are of one
// domain.
// MSRA sentences that contain a development or test sentence are dropped.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('people_daily', { msra: 1 }, recipe.adversarial(discriminates='task')) + { trainer+: { num_epochs: 3 } }
