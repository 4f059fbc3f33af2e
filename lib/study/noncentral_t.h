#ifndef MELE_STUDY_NONCENTRAL_T_H
#define MELE_STUDY_NONCENTRAL_T_H

/* The chance that (Z + centre) / W is at most t: Z standard normal, W^2 a chi-square of `freedom`
 * >= 1 degrees of freedom divided by them. */
double mele_i_noncentral_t(double t, double freedom, double centre);

/* The centre at which t is not exceeded with that chance, in (0, 1). */
double mele_i_noncentral_t_centre(double t, double freedom, double chance);

#endif
