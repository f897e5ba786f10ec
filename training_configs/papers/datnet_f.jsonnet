// Zhou et al. 2019, "Dual adversarial neural transfer for low-resource named entity recognition", DATNet-F: one BiLSTM
// for both resources; the resource discriminator, self-attentive pooling under the GRAD loss (alpha 0.25 of the large
// resource, gamma 2), through a reversal of 0.7; embeddings perturbed by 5 along the gradient.
// Theirs: another language or domain as the large resource; batches of one resource; embeddings of words and of
// characters are perturbed apart; in their code both sides of the loss are summed, so that alpha cancels out.
// Here: MSRA is the large resource; what is perturbed is the pretrained encoder's embeddings, whose gradient the
// reversal turns for the discriminator's part.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, papers.one_tower() + { objectives: papers.datnet_objectives })
+ papers.datnet_step + papers.reversal_health
