// Weibo with MSRA entities: shared and private towers, adversarial over domains.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { msra: 2 }, recipe.adversarial(), test=false) + recipe.few_sentences
