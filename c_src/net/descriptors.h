/* The descriptors that the process starts with. */
#ifndef COPPICE_NET_DESCRIPTORS_H
#define COPPICE_NET_DESCRIPTORS_H

/* Opens /dev/null as each of standard input, output and error that is closed; a socket or a pipe
 * would get its number otherwise, and with it what is printed.  To be called before anything is
 * opened. */
void descriptors_fill(void);

#endif
