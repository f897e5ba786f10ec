// Weibo reads what the tower of MSRA entities learns.
local recipe = import '../lib/recipe.libsonnet';
recipe.config('weibo', { msra: 2 }, recipe.asymmetric('weibo', ['msra']), test=false) + { trainer+: { num_epochs: 6 } }
