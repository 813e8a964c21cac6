import { NotFoundError } from '@app/problems';
import fc from 'fast-check';
import { route } from './route.js';

describe('route', () => {
  it('keeps the template for logs and fills the path for the wire', () => {
    expect(
      route('/Organizations/{organizationId}/Users', { organizationId: 'a/b' }, { username: 'x+y@z.de', limit: 5 }),
    ).toEqual({
      template: '/Organizations/{organizationId}/Users',
      path: '/Organizations/a%2Fb/Users?username=x%2By%40z.de&limit=5',
    });
  });

  it.each(['', '.', '..', '\u0000', 'a\tb', 'a\u007f', 'a\u0085', '\ud800x', 'x\udc00'])('refuses the id %j', (id) => {
    expect(() => route('/x/{id}', { id })).toThrow(NotFoundError);
  });

  it('refuses an id that is missing', () => {
    expect(() => route('/x/{id}', {})).toThrow(NotFoundError);
  });

  it.each(['...', '%2e%2e', '..;', '.%00', '$&', '{other}', '💾'])('takes the strange id %j as it is', (id) => {
    expect(decodeURIComponent(route('/x/{id}', { id, other: 'y' }).path.slice(3))).toBe(id);
  });

  it('never lets an id change the shape of the URL', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        let path: string;
        try {
          ({ path } = route('/v5/{id}/Action', { id }));
        } catch {
          return;
        }
        // What a URL parser makes of it is what was written.
        expect(new URL(`https://h${path}`).pathname).toBe(path);
        expect(path.split('/')).toHaveLength(4);
        expect(decodeURIComponent(path.split('/')[2] ?? '')).toBe(id);
      }),
    );
  });
});
