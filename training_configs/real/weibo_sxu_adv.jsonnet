// Weibo with SXU words: shared and private towers, adversarial over domains.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { sxu: 2 }, recipe.adversarial(), test=false) + recipe.few_sentences
