// He & Sun 2017, unified: MSRA weighted by similarity, unlabelled text by confidence.
// See he_sun_2017_cross_domain and he_sun_2017_semi. In the paper: SGD with a rate of 0.05. Here:
// as in those two.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1, reviews: 1 }, recipe.hard_sharing)
+ recipe.one_head + papers.by_similarity + papers.self_training('entities')
