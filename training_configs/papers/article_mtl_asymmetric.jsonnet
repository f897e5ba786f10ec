// The article's multi-task model, asymmetric: as article_mtl_hard, but the head of the target reads the states of the
// words' BiLSTM beside its own.
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, recipe.asymmetric('weibo', ['sxu'])) + papers.article(logits=500, units=128)
