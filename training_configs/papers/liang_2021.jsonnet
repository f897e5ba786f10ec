// Liang et al. 2021: R-Drop, predictions that agree under different dropout masks.
// "R-Drop: Regularized Dropout for Neural Networks".
// In the paper: fine-tuned classifiers with dropout 0.1 and weights of 0.1, 0.5 or 1, chosen for
// each corpus. Here: the single-task baseline with the divergence between tag paths; a step runs
// over two copies of each sentence and takes twice the time.
local papers = import '../lib/papers.libsonnet';
local recipe = import '../lib/recipe.libsonnet';
papers.config(model=recipe.single) + { trainer+: { step: { type: 'r_drop', weight: 0.5 } } }
