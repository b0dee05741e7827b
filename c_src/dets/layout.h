/* Offsets and magic numbers of a DETS file, version 9 (docs/dets-format.md).
 * All fields but the MD5 are unsigned 32-bit integers, big endian. */
#ifndef COPPICE_DETS_LAYOUT_H
#define COPPICE_DETS_LAYOUT_H

/* --- the header, from the start of the file ----------------------------------- */

#define DETS_AT_FREE_LISTS 0    /* where the free lists start */
#define DETS_AT_COOKIE     4    /* DETS_COOKIE */
#define DETS_AT_CLOSED     8    /* DETS_CLOSED or DETS_OPEN */
#define DETS_AT_TYPE       12   /* DETS_SET, DETS_BAG, DETS_DUPLICATE_BAG */
#define DETS_AT_VERSION    16   /* DETS_VERSION */
#define DETS_AT_M          20   /* the power of two in the hash */
#define DETS_AT_NEXT       24   /* slots in use */
#define DETS_AT_KEYPOS     28   /* which element of an object is its key */
#define DETS_AT_OBJECTS    32   /* objects in the table */
#define DETS_AT_KEYS       36   /* distinct keys in the table */
#define DETS_AT_MIN_SLOTS  40   /* the number of slots never was lower */
#define DETS_AT_MAX_SLOTS  44   /* the number of slots never gets higher */
#define DETS_AT_HASH       48   /* DETS_PHASH2 or DETS_PHASH */
#define DETS_AT_N          52   /* slots that have been split */
#define DETS_AT_COUNTERS   56   /* collections of each size class */
#define DETS_AT_MD5        168  /* of everything from the type up to here */
#define DETS_AT_BASE       184  /* file size - trailer */
#define DETS_AT_PARTS      312  /* positions of the parts, after reserved zeros */
#define DETS_AT_BLOCKS     1336 /* the lowest position of a block */

#define DETS_COOKIE    0x00abcdefu /* a DETS file */
#define DETS_VERSION   9u          /* the only version that OTP still opens */
#define DETS_CLOSED    1u          /* closed properly */
#define DETS_OPEN      0u          /* changed since, and not closed */
#define DETS_PHASH2    1u          /* slots by erlang:phash2/1 */
#define DETS_PHASH     0u          /* slots by erlang:phash/2: files created by R8 */
#define DETS_MD5_BYTES 16          /* all zero: not used */
#define DETS_COUNTERS  28          /* size classes: 2^4 to 2^31 bytes */
#define DETS_CLASS_MIN 4           /* log2 of the first size class */

/* --- parts and segments --------------------------------------------------------- */

#define DETS_PARTS         256  /* positions of parts in the header */
#define DETS_PART_SEGMENTS 512  /* positions of segments in a part */
#define DETS_SEGMENT_SLOTS 256  /* slots in a segment */
#define DETS_POINTER_BYTES 4    /* a position */
#define DETS_SLOT_BYTES    8    /* a slot: size and position of its collection */
#define DETS_TABLE_BYTES   2048 /* a part, and a segment */
#define DETS_MAX_SLOTS     (DETS_PARTS * DETS_PART_SEGMENTS * DETS_SEGMENT_SLOTS)

/* --- collections ------------------------------------------------------------------ */

#define DETS_ACTIVE           0x12345678u /* status of a collection in use */
#define DETS_FREE             0x03abcdefu /* ... and of one that was freed */
#define DETS_AT_STATUS        4           /* after the size */
#define DETS_COLLECTION_BYTES 8           /* size and status */
#define DETS_SIZE_BYTES       4           /* size field of an object, or of a bag's key */
#define DETS_BLOCK_STEP       16          /* alignment of blocks */

/* --- free lists ------------------------------------------------------------------- */

#define DETS_FREE_LIST_BYTES 12     /* a record: size, DETS_FREE, class + 1 */
#define DETS_AT_FREE_CLASS   8      /* class + 1 of its blocks, or DETS_FREE_END */
#define DETS_FREE_END        12345u /* class of the last record */
#define DETS_FREE_CLASSES    32     /* blocks of 2^0 to 2^31 bytes */
#define DETS_FREE_POSITIONS  1021   /* most positions in a record */
#define DETS_TRAILER_BYTES   4      /* after the last record */

/* --- limits -------------------------------------------------------------------------- */

#define DETS_SPACE_BYTES 0x80000000u /* the one free block of an empty table */
/* No block may end after this position: the rest is reserved for the free lists. */
#define DETS_BLOCKS_END (DETS_SPACE_BYTES - 50000000u)

#endif
