#include "fake/disk_internal.h"
#include "mem.h"

#define SECTOR_BYTES 512

uint64_t fake_mix(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void file_free(struct file *f)
{
    buf_free(&f->bytes);
    buf_free(&f->synced);
    mem_free(f);
}

void file_truncate(struct file *f, size_t len)
{
    f->bytes.len = len;
    f->low = len < f->low ? len : f->low;
    f->lost_end = len < f->lost_end ? len : f->lost_end;
    f->lost = f->lost < f->lost_end ? f->lost : f->lost_end;
}

void file_sync(struct file *f)
{
    f->synced.len = f->low;
    if (f->bytes.len > f->low)
        buf_put(&f->synced, (struct bytes){f->bytes.at + f->low, f->bytes.len - f->low});
    f->low = f->bytes.len;
}

void file_sync_failed(struct file *f)
{
    if (f->low == f->bytes.len)
        return;
    f->lost = f->lost < f->lost_end ? f->lost : f->low;
    f->lost_end = f->bytes.len;
}

/* Reduces the file to what the power cut leaves of it. */
void file_crash(struct file *f, uint64_t *seed)
{
    size_t written = f->bytes.len - f->low;
    if (fake_mix(seed) % 4 == 0) {
        buf_clear(&f->bytes);
        buf_put(&f->bytes, buf_bytes(&f->synced));
    } else {
        f->bytes.len = f->low + (size_t)(fake_mix(seed) % (written + 1));
    }
    if (f->bytes.len > f->low && written > 0 && fake_mix(seed) % 3 == 0) {
        size_t from = f->low + (size_t)(fake_mix(seed) % (f->bytes.len - f->low));
        size_t end = (from / SECTOR_BYTES + 1) * SECTOR_BYTES;
        uint64_t garbage = fake_mix(seed) % 2 == 0 ? 0 : fake_mix(seed);
        for (size_t i = from; i < end && i < f->bytes.len; i++)
            f->bytes.at[i] = garbage == 0 ? 0 : (uint8_t)fake_mix(&garbage);
    }
    for (size_t i = f->lost; i < f->lost_end && i < f->bytes.len; i++)
        f->bytes.at[i] = 0;
    f->lost = f->lost_end = 0;
    f->low = 0;
    file_sync(f);
}
