// Weibo with MSRA entities and MSR segmentation: shared and private towers, the shared one blind to domains.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1, msr: 1 }, recipe.adversarial()) + recipe.small
