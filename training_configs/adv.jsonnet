// Weibo with MSRA entities and MSR words: shared and private towers, adversarial over domains.
local recipe = import 'lib/recipe.libsonnet';
recipe.config('weibo', { msra: 1, msr: 1 }, recipe.adversarial()) + recipe.small
