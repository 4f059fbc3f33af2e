#ifndef MELE_CORE_LAPACK_H
#define MELE_CORE_LAPACK_H

#include <mele/status.h>

/* OpenBLAS works in buffers of 128 MB of addresses, one for each call that is under way, which it
 * maps when it has none free and then keeps; when the system has no room for one (ulimit -v) it
 * tries again for ever. So whoever needs LAPACK finds out first, and calls take their turn where
 * there is no room for another buffer. With another BLAS all of this does nothing. */

/* Make sure of the first buffer. To be called before any call to LAPACK or BLAS, once by whatever
 * may then make many. MELE_ENOMEM: there is no room. Thread-safe; quick after the first time. */
mele_status mele_i_lapack_ready(mele_error *error);

/* Around every call to LAPACK or BLAS, never one within another. begin() waits while other threads'
 * calls may need what room there is. */
void mele_i_lapack_begin(void);
void mele_i_lapack_end(void);

#endif
