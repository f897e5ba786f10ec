// Zhou et al. 2019, DATNet-F: one BiLSTM for both resources, GRAD discriminator, perturbation.
// "Dual adversarial neural transfer for low-resource named entity recognition". The resource
// discriminator has self-attentive pooling, the GRAD loss (alpha 0.25 for the large resource, gamma
// 2) and a reversal of 0.7. Embeddings are perturbed along the gradient.
// In the paper: the perturbation of a sentence has norm 5; the large resource is another language or domain; each batch is from one resource;
// embeddings of words and characters are perturbed separately. The authors' code sums both sides of
// the loss, so that alpha cancels out.
// Here: MSRA is the large resource. The perturbation has 0.2 of the norm of an embedding, as 5 is 3.4
// times that norm and raises the loss from 0.8 to 38. The embeddings of the pretrained encoder are perturbed, along a
// gradient in which the discriminator's part is reversed.
local papers = import '../lib/papers.libsonnet';
papers.config({ msra: 1 }, papers.one_tower() + { objectives: papers.datnet_objectives })
+ papers.datnet_step + papers.reversal_health
