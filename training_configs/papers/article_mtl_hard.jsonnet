// The article's multi-task model with hard sharing.
// The encoder is shared; each task has a BiLSTM of 128 units and a CRF. Settings of the article:
// learning rate 5e-6 for the encoder, 100 times that for the LSTMs, 500 times for logits and CRF;
// weight decay 0.01, gradients clipped to 1, warm-up 0.1, dropout 0.1 on embeddings and 0.2 on
// LSTMs, sentences of both tasks in turn, batches of 32.
// Its errors are not reproduced: towers and CRFs ran over padding and over sentences of other
// tasks, and losses were divided by the number of sentences of all tasks together. Sentences are
// not truncated to 150 characters, and the whole corpus is shuffled.
// Here: Weibo, SXU words, and 600 steps instead of 50 epochs. As the learning rates were chosen for
// 50 epochs, try longer training as well (`-o '{"trainer.num_epochs": 50}'`).
local recipe = import '../lib/recipe.libsonnet';
local papers = import '../lib/papers.libsonnet';
papers.config({ sxu: 1 }, recipe.hard_sharing) + papers.article(logits=500, units=128)
