// Weibo with SXU segmentation: shared and private towers, a discriminator of domains.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { sxu: 2 }, recipe.adversarial(), test=false) + { trainer+: { num_epochs: 6 } }
